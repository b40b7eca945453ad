// Included before everything: Verilator's messages go through here, so that an error can be reported with its text.
#pragma once

#ifdef __cplusplus
extern "C"
#endif
    int
    dosa_print(const char* format, ...);
#define VL_PRINTF dosa_print
