"""Virtual contactless cards and the rack that puts them on a reader.

The cards are written from the published descriptions of the chips (NXP AN0945, AN10922, AN12343,
AN12196, the MIFARE DESFire Light data sheet and logs of real cards), never from a reader's code,
so that card and reader are two independent readings of the same specification.
"""
