"""The shop's rules as pure functions: what a basket costs a member and why, what comes back when it
is returned, what a balance is worth when a card is, and what the law lets a card hold.

    rounding    the one place where money is rounded
    catalogue, standing, basket    what is sold, to whom, and what was keyed
    conditions, promotion, index   when a promotion or coupon speaks, and how it is found
    discounts, points, levels, commission    the tables
    offers, joint, stacking        the price of a line, the rules over several, the best of both
    quote -> quoted                the whole, with every fen explained
    refund, balance_refund         the way back
    recharge, limits               bonus of a recharge; what the law allows
    kept                           a quote as it is kept in the books

docs/pricing.md says the same in the shop's words, with worked examples.
"""
