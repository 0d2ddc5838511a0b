"""TFLite files: a reader of FlatBuffers, the tables of the format, and what its operators are here."""
