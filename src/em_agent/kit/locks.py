"""The advisory locks of the database, each with a number of its own.

The first half of a key of two names a class, the second one of its things; a key of one is a lock by itself.
"""

RELAY = 0x656D01
INCIDENTS = 0x656D02
DOCUMENTS = 0x656D03
EMBEDDING = 0x656D04
CRAWLS = 0x656D05
RETENTION = 0x656D06

MIGRATION = 0x656D_6167_656E_7401
ANNOUNCING = 0x656D_6167_656E_7411
