#!/bin/bash
# The same upgrades with the stock tools: figures to compare with, and proof that the counting can find something.
. "$(dirname "$0")/../scenario.sh"
. "$LAB_SOURCE/upgrades.sh"

require_stock
# Few: they only have to find something. LAB_STOCK_ROUNDS=20 gives figures beside ours.
rounds=${LAB_STOCK_ROUNDS:-5}
total=0
for kind in socket pair; do
    upgrade_rounds "$kind" "$rounds"
    figure "stock: $(summary "$kind" "$rounds")"
    total=$((total + activations))
done
[ "$total" -gt 0 ] || same "activations with the stock tools, which do not hold the sockets" "some" "$total"
holds "with the stock tools clients do start the service in the middle of an upgrade"
