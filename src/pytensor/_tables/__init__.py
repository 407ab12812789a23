"""The tables from which functions, derivatives, stubs and tests are made."""
