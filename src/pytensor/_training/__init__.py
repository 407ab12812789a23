"""The machinery of training: steps, batches, the state of a run, model files."""
