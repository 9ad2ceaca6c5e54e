"""Several processes, several database servers, several hosts."""
