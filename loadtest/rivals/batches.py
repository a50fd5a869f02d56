"""What all rivals are told about batches."""

LARGEST = {"digits": 32, "sentiment": 8}  # a longer batch of texts is mostly padding
LONGEST_WAIT = 0.005  # seconds for a batch to fill
