"""The two distributions of this repository: built, looked into, installed and tried."""
