"""Points, check-ins, sharing, gifts, coupons, levels and triggers as pure decisions."""
