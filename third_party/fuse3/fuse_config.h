// SPDX-License-Identifier: Apache-2.0
//
// What libfuse's meson step finds with the toolchain of this repository.

#define HAVE_BACKTRACE 1
#define HAVE_COPY_FILE_RANGE 1
#define HAVE_FALLOCATE 1
#define HAVE_FDATASYNC 1
#define HAVE_FORK 1
#define HAVE_FSTATAT 1
#define HAVE_LINUX_CLOSE_RANGE_H 1
#define HAVE_OPENAT 1
#define HAVE_PIPE2 1
#define HAVE_POSIX_FALLOCATE 1
#define HAVE_READLINKAT 1
#define HAVE_SETXATTR 1
#define HAVE_SPLICE 1
#define HAVE_STRUCT_STAT_ST_ATIM 1
#define HAVE_UTIMENSAT 1
#define HAVE_VMSPLICE 1
#define IS_BIG_ENDIAN 0
#define PACKAGE_VERSION "3.17.2"
