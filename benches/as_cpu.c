/* Hides the instructions of newer CPUs from a program: benches/as-cpu loads it in front of the program.
 *
 * Linux lets the instruction CPUID fault (arch_prctl, ARCH_CPUID_SET). The handler here runs it in the program's place
 * and clears the bits of what a CPU of the level AS_CPU (the psABI's x86-64-v1, -v2, -v3) does not have, so that the
 * program's own choice of kernels, and that of its libraries, is the one it would make there.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_CPUID_SET = 0x1012 };
enum { EAX, EBX, ECX, EDX, REGISTERS };

/* What the levels up to `level` do not have, by where CPUID tells of it (Intel SDM volume 2A, table 3-8). */
static const struct {
    int level;
    uint32_t leaf, subleaf;
    uint32_t bits[REGISTERS];
} HIDDEN[] = {
    /* SSE3, PCLMULQDQ, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT */
    {1, 1, 0, {0, 0, 1u << 0 | 1u << 1 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23, 0}},
    /* FMA, MOVBE, AVX, F16C */
    {2, 1, 0, {0, 0, 1u << 12 | 1u << 22 | 1u << 28 | 1u << 29, 0}},
    /* BMI1, AVX2, BMI2; SHA, which no level asks for and few CPUs without AVX have */
    {2, 7, 0, {0, 1u << 3 | 1u << 5 | 1u << 8 | 1u << 29, 0, 0}},
    /* LZCNT */
    {2, 0x80000001u, 0, {0, 0, 1u << 5, 0}},
    /* AVX-512 F, DQ, IFMA, CD, BW, VL; VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ; VP2INTERSECT and
       FP16, AMX */
    {3, 7, 0,
     {0, 1u << 16 | 1u << 17 | 1u << 21 | 1u << 28 | 1u << 30 | 1u << 31,
      1u << 1 | 1u << 6 | 1u << 8 | 1u << 9 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 14,
      1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25}},
    /* AVX-VNNI and its kin */
    {3, 7, 1, {~0u, ~0u, ~0u, ~0u}},
};

static int level;

static void set_faulting(int faulting) {
    syscall(SYS_arch_prctl, ARCH_CPUID_SET, (unsigned long)!faulting);
}

static void on_fault(int signal_number, siginfo_t *info, void *context) {
    (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    static const unsigned char CPUID[] = {0x0F, 0xA2};
    if (memcmp((const void *)registers[REG_RIP], CPUID, sizeof CPUID) != 0) {
        signal(signal_number, SIG_DFL); /* a fault of the program's own: it comes again */
        return;
    }
    uint32_t leaf = (uint32_t)registers[REG_RAX], subleaf = (uint32_t)registers[REG_RCX], said[REGISTERS];
    set_faulting(0);
    __cpuid_count(leaf, subleaf, said[EAX], said[EBX], said[ECX], said[EDX]);
    set_faulting(1);
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++) {
        int has_subleaves = leaf == 7;
        if (HIDDEN[i].level >= level && HIDDEN[i].leaf == leaf && (!has_subleaves || HIDDEN[i].subleaf == subleaf)) {
            for (int r = 0; r < REGISTERS; r++) said[r] &= ~HIDDEN[i].bits[r];
        }
    }
    registers[REG_RAX] = said[EAX];
    registers[REG_RBX] = said[EBX];
    registers[REG_RCX] = said[ECX];
    registers[REG_RDX] = said[EDX];
    registers[REG_RIP] += sizeof CPUID;
}

__attribute__((constructor)) static void begin(void) {
    const char *wanted = getenv("AS_CPU");
    if (wanted == NULL || sscanf(wanted, "x86-64-v%d", &level) != 1) return;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaction(SIGSEGV, &action, NULL);
    if (syscall(SYS_arch_prctl, ARCH_CPUID_SET, 0UL) != 0) {
        fputs("as-cpu: this kernel or CPU cannot hide instructions (cpuid_fault in /proc/cpuinfo)\n", stderr);
        _exit(1);
    }
}
