"""Measured networks: tables and profiles of how long they took, as what a device is fitted to."""
