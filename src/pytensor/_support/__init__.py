"""What every floor may use, and what knows nothing of tensors: arguments, files."""
