# SPDX-License-Identifier: Apache-2.0
"""Every external repository: which set of the lock, and what is done to it."""

load("@debian_lock//:pins.bzl", "BINARIES", "SOURCES")
load("//third_party/debian:mirrors.bzl", "debian_mirror_list")
load("//third_party/debian:repositories.bzl", "debian_ca_certificates", "debian_packages", "debian_source", "debian_tree")
load("//tools/cc_toolchain:compiler.bzl", "debian_compiler")

# Debian merges these folders by packages that are not unpacked here.
_MERGED_USR = {
    "lib": "usr/lib",
    "lib64": "usr/lib64",
}

_OTHER_LINUX_ARCHITECTURES = [
    "alpha",
    "arc",
    "arm",
    "arm64",
    "csky",
    "hexagon",
    "loongarch",
    "m68k",
    "microblaze",
    "mips",
    "nios2",
    "openrisc",
    "parisc",
    "powerpc",
    "riscv",
    "s390",
    "sh",
    "sparc",
    "xtensa",
]

_OTHER_LINUX_ARCHITECTURES_WITH_CRYPTO = [
    "arm",
    "arm64",
    "loongarch",
    "mips",
    "powerpc",
    "riscv",
    "s390",
    "sparc",
]

def _tree(name, build_file = "//third_party/debian:tree.BUILD", **kwargs):
    debian_tree(
        name = "debian_" + name,
        build_file = build_file,
        pins = BINARIES[name],
        **kwargs
    )

def _source(name, strip_prefix, **kwargs):
    debian_source(
        name = name,
        build_file = "//third_party/%s:%s.BUILD" % (name, name),
        pin = SOURCES[name],
        strip_prefix = strip_prefix,
        **kwargs
    )

def _toolchain():
    _tree(
        "sysroot",
        link_folders = ["usr/lib/gcc/x86_64-linux-gnu/14"],
        links = _MERGED_USR,
        remove = ["usr/libexec", "usr/share"],
    )
    debian_compiler(
        name = "debian_compiler",
        build_file = "//tools/cc_toolchain:compiler.BUILD",
        launcher_source = "//tools/launcher:launcher.c",
        pins = BINARIES["compiler"],
        programs = [
            "clang",
            "clang++",
            "ld.lld",
            "llvm-ar",
            "llvm-cov",
            "llvm-dwp",
            "llvm-nm",
            "llvm-objcopy",
            "llvm-objdump",
            "llvm-profdata",
            "llvm-readelf",
            "llvm-strip",
            "llvm-symbolizer",
        ],
        # Nothing runs these, and they are a sixth of the set's bytes.
        remove = [
            "usr/lib/llvm-19/bin/llvm-exegesis",
            "usr/lib/llvm-19/bin/obj2yaml",
            "usr/lib/x86_64-linux-gnu/gconv",
            "usr/share",
        ],
        sysroot = "@debian_sysroot//:BUILD.bazel",
    )
    _tree(
        "clang_tools",
        programs = ["clang-format", "clang-tidy"],
        remove = ["usr/share"],
    )

def _sets():
    """What the build runs or packs and does not link."""
    _tree(
        "build_tools",
        programs = ["bc", "bison", "busybox", "flex", "m4", "make", "mawk", "zstd"],
        remove = ["usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man"],
    )
    debian_ca_certificates(
        name = "debian_ca_certificates",
        build_file = "//third_party/debian:ca_certificates.BUILD",
        pins = BINARIES["ca_certificates"],
    )
    debian_mirror_list(name = "debian_mirrors")
    _tree(
        "e2fsprogs",
        programs = ["mkfs.ext4"],
        remove = ["usr/share/doc", "usr/share/locale", "usr/share/man"],
    )
    _tree(
        "qemu",
        programs = ["qemu-system-x86_64"],
        remove = ["usr/share/doc", "usr/share/locale", "usr/share/man"],
    )
    _tree(
        "rclone",
        programs = ["fusermount", "rclone"],
        remove = ["usr/share/doc", "usr/share/man"],
    )
    _tree("systemd_stub")
    debian_packages(
        name = "debian_programs",
        pins = BINARIES["programs"],
    )
    debian_packages(
        name = "debian_rootfs",
        pins = BINARIES["rootfs"],
    )

    # The same with another first process.
    debian_packages(
        name = "debian_sysvinit_rootfs",
        pins = [
            pin
            for pin in BINARIES["rootfs"]
            if "/systemd-sysv_" not in pin
        ] + BINARIES["sysvinit"],
    )

# The root's inode is made before the daemon has said that it knows access
# lists, and would for ever be one whose list is not kept: each path from the
# root would cost whoever does not own it a request. This kernel's users other
# than root do little else.
#
# An inode is locked while the daemon answers an fsync of it, which takes as long
# as the Drive does: whoever wants to change its attributes or, in a folder, to
# look for a name would wait, too. What the fsync is to cover has been sent.
#
# Each read that asks the daemon makes the kernel forget the file's access time, so
# that the next stat asks, too. By the rule of relatime, which the daemon keeps, most
# reads change no access time. (A minute before the rule's day is over all is asked
# again, for the sake of two clocks.)
#
# systemd asks for the state of the file system some 300 times while it starts. An
# answer is good for a tenth of a second: less than dirty pages stay unknown to the
# daemon.
#
# A folder is listed with a page for each request, which holds some twenty names
# with their attributes. Eight pages, as newer kernels take as much as the caller
# has room for.
_LINUX_FIXES = {
    "tree/fs/fuse/inode.c|\t\t\t\tfc->posix_acl = 1;\n": """\
\t\t\t\tfc->posix_acl = 1;
\t\t\t\td_inode(fm->sb->s_root)->i_acl = ACL_NOT_CACHED;
\t\t\t\td_inode(fm->sb->s_root)->i_default_acl = ACL_NOT_CACHED;
""",
    "tree/fs/fuse/file.c|\terr = fuse_fsync_common(file, start, end, datasync, FUSE_FSYNC);\n": """\
\tinode_unlock(inode);
\terr = fuse_fsync_common(file, start, end, datasync, FUSE_FSYNC);
""",
    "tree/fs/fuse/file.c|\t\tfc->no_fsync = 1;\n\t\terr = 0;\n\t}\nout:": """\
\t\tfc->no_fsync = 1;
\t\terr = 0;
\t}
\treturn err;
out:""",
    "tree/fs/fuse/dir.c|\tif (!IS_RDONLY(inode))\n\t\tfuse_invalidate_attr_mask(inode, STATX_ATIME);\n": """\
\tstruct timespec64 atime = inode_get_atime(inode);
\tstruct timespec64 mtime = inode_get_mtime(inode);
\tstruct timespec64 ctime = inode_get_ctime(inode);
\ttime64_t age = ktime_get_real_seconds() - atime.tv_sec;

\tif (timespec64_compare(&atime, &mtime) > 0 &&
\t    timespec64_compare(&atime, &ctime) > 0 &&
\t    age < 24 * 60 * 60 - 60)
\t\treturn;
\tif (!IS_RDONLY(inode))
\t\tfuse_invalidate_attr_mask(inode, STATX_ATIME);
""",
    "tree/fs/fuse/fuse_i.h|\t/** Lock protecting accessess to  members of this structure */\n\tspinlock_t lock;\n": """\
\t/** Lock protecting accessess to  members of this structure */
\tspinlock_t lock;

\t/** The last answer to STATFS, and until when it is good */
\tstruct fuse_kstatfs statfs;
\tunsigned long statfs_until;
""",
    "tree/fs/fuse/inode.c|\tmemset(&outarg, 0, sizeof(outarg));\n\targs.in_numargs = 0;\n\targs.opcode = FUSE_STATFS;\n": """\
\tmemset(&outarg, 0, sizeof(outarg));
\tspin_lock(&fm->fc->lock);
\tif (time_before(jiffies, fm->fc->statfs_until))
\t\toutarg.st = fm->fc->statfs;
\tspin_unlock(&fm->fc->lock);
\tif (outarg.st.bsize) {
\t\tconvert_fuse_statfs(buf, &outarg.st);
\t\treturn 0;
\t}

\targs.in_numargs = 0;
\targs.opcode = FUSE_STATFS;
""",
    "tree/fs/fuse/inode.c|\tif (!err)\n\t\tconvert_fuse_statfs(buf, &outarg.st);\n": """\
\tif (!err) {
\t\tspin_lock(&fm->fc->lock);
\t\tfm->fc->statfs = outarg.st;
\t\tfm->fc->statfs_until = jiffies + HZ / 10;
\t\tspin_unlock(&fm->fc->lock);
\t\tconvert_fuse_statfs(buf, &outarg.st);
\t}
""",
    "tree/fs/fuse/dir.c|\tinode_lock(inode);\n\terr = fuse_fsync_common(": "\terr = fuse_fsync_common(",
    "tree/fs/fuse/readdir.c|\tssize_t res;\n\tstruct page *page;\n\tstruct inode *inode = file_inode(file);\n": """\
\tconst size_t size = 8 * PAGE_SIZE;
\tssize_t res;
\tvoid *buf;
\tstruct inode *inode = file_inode(file);
""",
    "tree/fs/fuse/readdir.c|\tstruct fuse_args_pages *ap = &ia.ap;\n\tstruct fuse_page_desc desc = { .length = PAGE_SIZE };\n": "\tstruct fuse_args *args = &ia.ap.args;\n",
    "tree/fs/fuse/readdir.c|\tpage = alloc_page(GFP_KERNEL);\n\tif (!page)\n\t\treturn -ENOMEM;\n\n\tplus = ": """\
\tbuf = kvmalloc(size, GFP_KERNEL);
\tif (!buf)
\t\treturn -ENOMEM;

\tplus = """,
    "tree/fs/fuse/readdir.c|\tap->args.out_pages = true;\n\tap->num_pages = 1;\n\tap->pages = &page;\n\tap->descs = &desc;\n": "",
    "tree/fs/fuse/readdir.c|ctx->pos, PAGE_SIZE,\n\t\t\t\t    FUSE_READDIRPLUS);": "ctx->pos, size,\n\t\t\t\t    FUSE_READDIRPLUS);",
    "tree/fs/fuse/readdir.c|ctx->pos, PAGE_SIZE,\n\t\t\t\t    FUSE_READDIR);": "ctx->pos, size,\n\t\t\t\t    FUSE_READDIR);",
    "tree/fs/fuse/readdir.c|\tres = fuse_simple_request(fm, &ap->args);\n": "\targs->out_args[0].value = buf;\n\tres = fuse_simple_request(fm, args);\n",
    "tree/fs/fuse/readdir.c|parse_dirplusfile(page_address(page), res,": "parse_dirplusfile(buf, res,",
    "tree/fs/fuse/readdir.c|parse_dirfile(page_address(page), res, file,": "parse_dirfile(buf, res, file,",
    "tree/fs/fuse/readdir.c|\t__free_page(page);\n\tfuse_invalidate_atime": "\tkvfree(buf);\n\tfuse_invalidate_atime",
    "tree/fs/fuse/dir.c|\t\tfc->no_fsyncdir = 1;\n\t\terr = 0;\n\t}\n\tinode_unlock(inode);\n": """\
\t\tfc->no_fsyncdir = 1;
\t\terr = 0;
\t}
""",
}

# A request to make all durable, which this version does not know; what it asks for
# is what fsyncdir of the root would do. And the flags of an open directory, of which
# O_NOATIME matters.
_FUSE3_FIXES = {
    "lib/fuse_lowlevel.c|static void do_statfs(": """\
static void do_syncfs(fuse_req_t req, fuse_ino_t nodeid, const void *inarg)
{
\t(void) inarg;

\tif (req->se->op.fsyncdir)
\t\treq->se->op.fsyncdir(req, nodeid, 0, NULL);
\telse
\t\tfuse_reply_err(req, ENOSYS);
}

static void do_statfs(""",
    "lib/fuse_lowlevel.c|\t[FUSE_LSEEK]": """\
\t[FUSE_SYNCFS]\t   = { do_syncfs,      "SYNCFS"      },
\t[FUSE_LSEEK]""",
    "lib/fuse_lowlevel.c|\tfi.fh = arg->fh;\n\n\tif (req->se->op.readdir)": """\
\tfi.fh = arg->fh;
\tfi.flags = arg->flags;

\tif (req->se->op.readdir)""",
    "lib/fuse_lowlevel.c|\tfi.fh = arg->fh;\n\n\tif (req->se->op.readdirplus)": """\
\tfi.fh = arg->fh;
\tfi.flags = arg->flags;

\tif (req->se->op.readdirplus)""",
}

def _sources():
    _source(
        "boringssl",
        "android-platform-external-boringssl-{version}",
        remove = [
            "BUILD",
            "src/util/BUILD.toplevel",
        ],
    )
    _source("cares", "c-ares-{version}")
    _source("curl", "curl-{version}")
    _source("dhcpcd", "dhcpcd-{version}")
    _source("fuse3", "fuse-{version}", edits = _FUSE3_FIXES)
    _source("gflags", "gflags-{version}", remove = ["BUILD"])
    _source("glog", "glog-{version}")
    _source("googletest", "googletest-{version}")
    _source(
        "linux_source",
        "linux-{version}",
        edits = dict(
            {
                # The one file that reads options of other architectures unasked.
                'tree/crypto/Kconfig|source "arch/%s/crypto/Kconfig"' % name: ""
                for name in _OTHER_LINUX_ARCHITECTURES_WITH_CRYPTO
            },
            **_LINUX_FIXES
        ),
        output = "tree",
        # Bazel hashes every file for each action that has the tree as input.
        # These are half of the bytes and a third of the files, and no build for
        # x86 reads them.
        remove = [
            "tree/" + folder
            for folder in [
                "Documentation/devicetree",
                "Documentation/translations",
                "drivers/gpu/drm/amd/include/asic_reg",
                "scripts/dtc/include-prefixes",
                "tools/perf",
                "tools/testing",
            ] + ["arch/" + name for name in _OTHER_LINUX_ARCHITECTURES]
        ],
    )
    _source("nghttp2", "nghttp2-{version}")
    _source(
        "rapidjson",
        "rapidjson-{version}",
        # Assigns to a const member; clang 19 refuses it even uncalled.
        edits = {
            "include/rapidjson/document.h|" +
            "GenericStringRef& operator=(const GenericStringRef& rhs) { s = rhs.s; length = rhs.length; }": "",
        },
    )
    _source("xz", "xz-{version}")
    _source("zlib", "zlib-{version}")
    _source("zstd", "zstd-{version}")

def third_party_repositories():
    _toolchain()
    _sets()
    _sources()
