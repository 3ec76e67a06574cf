"""What a sweep will train, and what it will cost."""

# The modules that other rooms may import from.
PUBLIC = ("cost", "digest", "plan", "plugins", "preview", "room", "source", "suspects")
