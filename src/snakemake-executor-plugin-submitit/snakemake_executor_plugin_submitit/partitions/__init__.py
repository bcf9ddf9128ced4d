"""The choice of a partition: what a job asks for, what partitions allow, which one fits best and why."""
