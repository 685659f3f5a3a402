"""What `sphering deploy` does through Prefect's client: each part is made, brought up to date or left as it is."""
