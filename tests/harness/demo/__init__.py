"""The demo's parts: credentials made at the start, a bundle that follows the files, commands to paste."""
