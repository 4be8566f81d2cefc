"""docker-compose.yml: what it mounts, stand-in images, and one trial of it."""
