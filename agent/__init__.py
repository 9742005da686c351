"""The localhost service of the ward PC: the room is kept here, its programs are not built yet."""
