"""`sluice`, whose reprice runs go by small pages and chunks: so that a kill meets many of them."""

from clickhouse.llm import reprice
from processors.llm.reprice import Repricing
from sluice.cli import main

if __name__ == "__main__":
    reprice.PAGE_ROWS = 40
    reprice.MOST_CHANGES = 60
    Repricing.__init__.__kwdefaults__["settle_s"] = 2.5
    main()
