"""Shows the ledger's results in MLflow, each once. The ledger stays the truth."""
