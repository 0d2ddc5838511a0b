"""Model files of other frameworks as networks: a reader for each format, and a shared lowering to ops of convcost."""
