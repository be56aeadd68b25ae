"""The few functions of leptonica that benches/compare-imaging measures, called from its shared library as it is."""

import ctypes
import ctypes.util
from ctypes import POINTER, byref, c_char_p, c_float, c_int, c_size_t, c_void_p

_NAME = ctypes.util.find_library("lept") or ctypes.util.find_library("leptonica")
_LIBRARY = ctypes.CDLL(_NAME)


def _function(name, result, *arguments):
    function = getattr(_LIBRARY, name)
    function.restype, function.argtypes = result, arguments
    return function


_destroy = _function("pixDestroy", None, POINTER(c_void_p))
_read = _function("pixReadMem", c_void_p, c_char_p, c_size_t)
_version = _function("getLeptonicaVersion", c_void_p)
_free = _function("lept_free", None, c_void_p)
_gray = _function("pixConvertRGBToGray", c_void_p, c_void_p, c_float, c_float, c_float)
_scale = _function("pixScaleAreaMap", c_void_p, c_void_p, c_float, c_float)
_project = _function("pixProjectiveColor", c_void_p, c_void_p, POINTER(c_float), ctypes.c_uint32)
_project_sampled = _function("pixProjectiveSampled", c_void_p, c_void_p, POINTER(c_float), c_int)
_normalize = _function("pixBackgroundNormSimple", c_void_p, c_void_p, c_void_p, c_void_p)
_otsu = _function("pixOtsuAdaptiveThreshold", c_int, c_void_p, c_int, c_int, c_int, c_int, c_float, c_void_p,
                  POINTER(c_void_p))
_find_skew = _function("pixFindSkew", c_int, c_void_p, POINTER(c_float), POINTER(c_float))


class Pix:
    """A picture of leptonica's, destroyed with the object."""

    def __init__(self, address):
        if not address:
            raise RuntimeError("leptonica made no picture")
        self.address = c_void_p(address)

    def __del__(self):
        _destroy(byref(self.address))


def version():
    text = _version()
    try:
        return ctypes.string_at(text).decode()
    finally:
        _free(text)


def read(jpeg):
    return Pix(_read(jpeg, len(jpeg)))


def gray(pix):
    return Pix(_gray(pix.address, 0.299, 0.587, 0.114))


def scale(pix, factor):
    """The mean over the area of every new pixel."""
    return Pix(_scale(pix.address, factor, factor))


def project(pix, new_to_old):
    """Bilinear, into a picture of the same size; `new_to_old` has nine entries, the last of them 1."""
    return Pix(_project(pix.address, (c_float * 8)(*new_to_old[:8]), 0xFFFFFF00))


def project_sampled(pix, new_to_old):
    """The nearest pixel instead of an interpolated one."""
    return Pix(_project_sampled(pix.address, (c_float * 8)(*new_to_old[:8]), 1))


def normalize_background(pix):
    return Pix(_normalize(pix.address, None, None))


def otsu(pix):
    """Black and white by one threshold for the whole picture."""
    bits = c_void_p()
    _otsu(pix.address, 1 << 15, 1 << 15, 0, 0, 0.1, None, byref(bits))
    return Pix(bits.value)


def find_skew(bits):
    """Degrees by which the content is turned clockwise, within ±7."""
    angle, confidence = c_float(), c_float()
    _find_skew(bits.address, byref(angle), byref(confidence))
    return -angle.value
