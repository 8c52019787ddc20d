"""Networks out of other people's packages, fetched where they are needed: judges for metrics, and for the age gate."""
