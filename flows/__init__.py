"""What runs when: the Prefect flows, each the unit that a person schedules.

Importing this package does not import Prefect; `sphering.flows.launch` prepares the environment first.
"""
