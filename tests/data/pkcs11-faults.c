/* A PKCS#11 module in front of another (FAULTS_MODULE) that fails as tokens do. FAULTS names how:
 *
 *   locked         the token says that its PIN is locked
 *   final-try      the token says that one try is left
 *   pin-locked     C_Login answers CKR_PIN_LOCKED
 *   pin-expired    C_Login answers CKR_PIN_EXPIRED
 *   removed=N      C_Sign answers CKR_DEVICE_REMOVED from its N-th finished signature on
 *   full           C_OpenSession answers CKR_SESSION_COUNT
 *   wrong          C_Sign answers with one bit turned
 *   no-hash        the token does not hash: CKM_SHA256_RSA_PKCS is not in its list
 *
 * Each C_Login adds a line to FAULTS_LOG. Only the places of the functions in CK_FUNCTION_LIST are taken from PKCS#11
 * 2.40; nothing else of its header is needed. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long ulong_t;
typedef struct {
    unsigned char version[2];
    void *functions[68];
} list_t;

enum { GET_TOKEN_INFO = 6, GET_MECHANISM_LIST = 7, OPEN_SESSION = 12, LOGIN = 18, SIGN = 43, GET_FUNCTION_LIST = 3 };
enum { SESSION_COUNT = 0xB1, PIN_EXPIRED = 0xA3, PIN_LOCKED = 0xA4, DEVICE_REMOVED = 0x32 };
enum { FLAGS_OFFSET = 96, FINAL_TRY = 0x20000, LOCKED = 0x40000 };
enum { SHA256_RSA_PKCS = 0x40, VENDOR_DEFINED = 0x80000000 };

static list_t *real, ours;
static int signatures;

static int fails(const char *how) {
    const char *faults = getenv("FAULTS");
    return faults && !strcmp(faults, how);
}

static ulong_t get_token_info(ulong_t slot, unsigned char *info) {
    ulong_t code = ((ulong_t (*)(ulong_t, void *))real->functions[GET_TOKEN_INFO])(slot, info);
    ulong_t flags;
    memcpy(&flags, info + FLAGS_OFFSET, sizeof flags);
    if (fails("locked")) flags |= LOCKED;
    if (fails("final-try")) flags |= FINAL_TRY;
    memcpy(info + FLAGS_OFFSET, &flags, sizeof flags);
    return code;
}

static ulong_t get_mechanism_list(ulong_t slot, ulong_t *list, ulong_t *count) {
    ulong_t code = ((ulong_t (*)(ulong_t, ulong_t *, ulong_t *))real->functions[GET_MECHANISM_LIST])(slot, list, count);
    if (!code && list && fails("no-hash"))
        for (ulong_t i = 0; i < *count; i++)
            if (list[i] == SHA256_RSA_PKCS) list[i] = VENDOR_DEFINED;
    return code;
}

static ulong_t open_session(ulong_t slot, ulong_t flags, void *application, void *notify, ulong_t *session) {
    if (fails("full")) return SESSION_COUNT;
    return ((ulong_t (*)(ulong_t, ulong_t, void *, void *, ulong_t *))real->functions[OPEN_SESSION])(
        slot, flags, application, notify, session);
}

static ulong_t login(ulong_t session, ulong_t user, unsigned char *pin, ulong_t length) {
    FILE *log = fopen(getenv("FAULTS_LOG"), "a");
    if (log) {
        fputs("C_Login\n", log);
        fclose(log);
    }
    if (fails("pin-locked")) return PIN_LOCKED;
    if (fails("pin-expired")) return PIN_EXPIRED;
    return ((ulong_t (*)(ulong_t, ulong_t, unsigned char *, ulong_t))real->functions[LOGIN])(session, user, pin, length);
}

static ulong_t sign(ulong_t session, unsigned char *data, ulong_t length, unsigned char *signature, ulong_t *room) {
    const char *faults = getenv("FAULTS");
    if (faults && !strncmp(faults, "removed=", 8) && signatures >= atoi(faults + 8)) return DEVICE_REMOVED;
    ulong_t code = ((ulong_t (*)(ulong_t, unsigned char *, ulong_t, unsigned char *, ulong_t *))real->functions[SIGN])(
        session, data, length, signature, room);
    if (!code && signature) {
        signatures++;
        if (fails("wrong")) signature[*room / 2] ^= 1;
    }
    return code;
}

ulong_t C_GetFunctionList(list_t **list) {
    void *module = dlopen(getenv("FAULTS_MODULE"), RTLD_NOW);
    if (!module) return 5;
    ulong_t code = ((ulong_t (*)(list_t **))dlsym(module, "C_GetFunctionList"))(&real);
    if (code) return code;
    ours = *real;
    ours.functions[GET_TOKEN_INFO] = (void *)get_token_info;
    ours.functions[GET_MECHANISM_LIST] = (void *)get_mechanism_list;
    ours.functions[OPEN_SESSION] = (void *)open_session;
    ours.functions[LOGIN] = (void *)login;
    ours.functions[SIGN] = (void *)sign;
    ours.functions[GET_FUNCTION_LIST] = (void *)C_GetFunctionList;
    *list = &ours;
    return 0;
}
