"""A chain in one process, with time, network, disks and crashes made of nothing but a seed.

The operations of the device, the link and the cloud are the real ones. `python -m tests.simulation
--seeds 2000`."""
