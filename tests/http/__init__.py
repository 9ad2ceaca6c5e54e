"""What every HTTP edge shares, without a server."""
