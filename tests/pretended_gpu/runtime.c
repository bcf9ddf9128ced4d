/* One GPU that is not there: the calls of the CUDA runtime that torch makes before and around its kernels.

   Preloaded, these come before those of libcudart, which would find no driver. Nothing computes: tensors are
   fakes of torch's, and what is not here still fails as without a GPU. What waits for the device is counted. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, MAJOR = 9, MINOR = 0, HOST_MEMORY = 1, MOST = 4096 };
static const size_t MEMORY = (size_t)80 << 30;

int waits = 0; /* how often the host has waited, until it is set again */

/* The device. */
int cudaGetDeviceCount(int *count) { return *count = 1, OK; }
int cudaGetDevice(int *device) { return *device = 0, OK; }
int cudaSetDevice(int device) { return OK; }
int cudaDriverGetVersion(int *version) { return *version = 99990, OK; } /* newer than any torch */
int cudaGetLastError(void) { return OK; }
int cudaPeekAtLastError(void) { return OK; }
int cudaMemGetInfo(size_t *left, size_t *all) { return *left = *all = MEMORY, OK; }
int cudaDeviceCanAccessPeer(int *can, int device, int peer) { return *can = 0, OK; }
int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    return *value = attribute == 75 ? MAJOR : attribute == 76 ? MINOR : 1, OK;
}

/* cudaDeviceProp of CUDA 12 and 13, of which only these fields are asked for. */
struct properties {
    char name[256], uuid[16], luid[8];
    unsigned mask;
    size_t memory, shared;
    int registers, warp;
    size_t pitch;
    int threads, block[3], grid[3], clock;
    size_t constant;
    int major, minor;
};
int cudaGetDeviceProperties(struct properties *of, int device) {
    memset(of, 0, 1008);
    strcpy(of->name, "a pretended GPU");
    of->memory = MEMORY, of->warp = 32, of->major = MAJOR, of->minor = MINOR;
    return OK;
}
int cudaGetDeviceProperties_v2(struct properties *of, int device) {
    return cudaGetDeviceProperties(of, device);
}

/* The driver below the runtime, in whose name this is linked: it says yes to everything and does nothing. */
static int nothing(void) { return OK; }
#define DRIVER(name) int name(void) { return OK; }
DRIVER(cuCtxGetCurrent) DRIVER(cuCtxSetCurrent)
DRIVER(cuDeviceGet) DRIVER(cuDeviceGetAttribute) DRIVER(cuDevicePrimaryCtxGetState)
DRIVER(cuDevicePrimaryCtxRetain) DRIVER(cuFuncGetAttribute) DRIVER(cuFuncSetAttribute)
DRIVER(cuFuncSetCacheConfig) DRIVER(cuGetErrorString) DRIVER(cuLaunchCooperativeKernel)
DRIVER(cuLaunchKernel) DRIVER(cuLinkAddData_v2) DRIVER(cuLinkComplete) DRIVER(cuLinkCreate_v2)
DRIVER(cuModuleGetFunction) DRIVER(cuModuleLoad) DRIVER(cuModuleLoadData) DRIVER(cuModuleLoadDataEx)
DRIVER(cuModuleUnload) DRIVER(cuOccupancyMaxActiveBlocksPerMultiprocessor)
DRIVER(cuPointerGetAttribute) DRIVER(cuTensorMapEncodeTiled)
int cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version,
                                     unsigned long long flags, int *found) {
    *function = (void *)nothing;
    if (found) *found = 0;
    return OK;
}

/* Streams and events. */
int cudaDeviceGetStreamPriorityRange(int *least, int *most) { return *least = 0, *most = -5, OK; }
int cudaStreamCreateWithPriority(void **stream, unsigned flags, int priority) {
    return *stream = (void *)16, OK;
}
int cudaStreamIsCapturing(void *stream, int *status) { return *status = 0, OK; }
int cudaStreamQuery(void *stream) { return OK; }
int cudaStreamWaitEvent(void *stream, void *event, unsigned flags) { return OK; }
int cudaEventCreateWithFlags(void **event, unsigned flags) { return *event = (void *)32, OK; }
int cudaEventRecord(void *event, void *stream) { return OK; }
int cudaEventRecordWithFlags(void *event, void *stream, unsigned flags) { return OK; }
int cudaEventQuery(void *event) { return OK; }
int cudaEventDestroy(void *event) { return OK; }
int cudaDeviceSynchronize(void) { return waits++, OK; }
int cudaStreamSynchronize(void *stream) { return waits++, OK; }
int cudaEventSynchronize(void *event) { return waits++, OK; }

/* Pinned memory of the host, which torch asks back which memory is so. */
static struct { char *at; size_t bytes; } pinned[MOST];
int cudaHostAlloc(void **at, size_t bytes, unsigned flags) {
    *at = malloc(bytes);
    for (int i = 0; i < MOST; i++)
        if (!pinned[i].at) return pinned[i].at = *at, pinned[i].bytes = bytes, OK;
    return 2; /* out of memory */
}
struct attributes { int kind, device; void *on_device, *on_host; };
int cudaPointerGetAttributes(struct attributes *of, char *at) {
    *of = (struct attributes){0};
    for (int i = 0; i < MOST; i++)
        if (pinned[i].at && at >= pinned[i].at && at < pinned[i].at + pinned[i].bytes)
            of->kind = HOST_MEMORY, of->on_host = of->on_device = at;
    return OK;
}
