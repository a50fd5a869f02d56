"""What all rivals are told about batches; BentoML finds out by itself how long to wait."""

# Of the sizes 1, 2, 4, ... 32, onnxruntime read most tokens a second with 2 and 4 texts: all are
# padded to the longest.
LARGEST = {"digits": 32, "sentiment": 4}
LONGEST_WAIT = 0.002  # seconds for a batch to fill
