"""Real processes and raw clients for end-to-end tests: Envoy, the provider simulator, HTTP/1.1 and HTTP/2, load.

It holds no assertions about the gateway; those stand in the tests.
"""
