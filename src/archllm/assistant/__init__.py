"""What an assistant may do: tools of a Model Context Protocol server, within a folder and limits."""
