"""How one step survives: Prefect tasks that call one step of the core, with its retries, name and artifacts."""
