"""What the tests, the benchmark and the demo start and speak to. No test is in here."""
