"""What a text model needs to write codes: how codes are worded, which tokens are legal, and the model itself."""
