"""What the author of a method wants to know before a night's sweep: `normsweep plugin check` asks it of a file."""
