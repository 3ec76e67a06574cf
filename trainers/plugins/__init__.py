"""How files of a user's own declare what sweep files may then name, and how any name is looked up."""
