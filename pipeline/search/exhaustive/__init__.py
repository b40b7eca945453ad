"""The best design of a whole space, found by enumeration instead of sampled.

``tilings`` and ``orders`` say which mappings there are, ``columns`` what each costs on hardware of any size, ``hull``
combines layers into networks, ``optimum`` goes through the hardware.
"""
