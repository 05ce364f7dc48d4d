"""Projects that a web server of its own serves, with their static files collected as in production."""
