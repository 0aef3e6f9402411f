"""How fast this project is beside others: ``python -m benchmarks.suite --help``.

Each contestant is an adapter in ``benchmarks/peers``, run by the Python of an environment of its
own and driven over stdin and stdout; its workers are processes started by its own command. Every
measurement is a fresh database, a fresh adapter and fresh workers. See ``docs/performance.md``.
"""
