"""Six AI providers on loopback that answer in their real shapes and report exactly what reached them.

It does not check a credential's value, only that one stands in the place where the provider reads it.
"""
