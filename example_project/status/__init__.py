"""A status page: it checks pages over HTTP and shows how they did."""
