"""Routes for proxies of the operator's own: Traefik and Caddy."""
