"""Aide-De-Camp's jobs in a MariaDB or MySQL database: an example of a backend of a third party.

It stands on ``aide_de_camp.spi`` alone. Read it in this order: :mod:`.plugin` (how it is found),
:mod:`.storage` (the verbs), :mod:`.database` (connections, transactions, repeats), then the verbs
themselves: :mod:`.changing`, :mod:`.claiming`, :mod:`.leases`, :mod:`.settling`, :mod:`.looking`.
"""
