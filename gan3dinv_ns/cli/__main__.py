"""`python -m gan3dinv_ns.cli`, as torch's launcher starts modules."""

from gan3dinv_ns.cli import main

main()
