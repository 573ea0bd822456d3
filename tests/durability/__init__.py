"""What a save survives: workers killed and frozen, answers lost, two of everything; judged by Microsoft's own state."""
