"""Area and timing of a design's RTL by synthesis to standard cells, module by module."""
