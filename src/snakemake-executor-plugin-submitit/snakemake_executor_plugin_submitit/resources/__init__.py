"""What a rule asks for, in sbatch's words."""
