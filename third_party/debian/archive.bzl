# SPDX-License-Identifier: Apache-2.0
"""Fetches files of Debian's archive and unpacks packages without any host tool.

A file is named by its path in the archive's pool and pinned by its sha256.
Where it is fetched from is the user's business: the mirrors of the machine's
own apt configuration, or those in DRIVEROOT_DEBIAN_MIRRORS (base addresses,
separated by spaces, tried in order).
"""

# Not declared in the `environ` of a rule that downloads: the bytes are pinned, so another mirror
# is no reason to fetch them again.
MIRRORS_VARIABLE = "DRIVEROOT_DEBIAN_MIRRORS"

_AR_MAGIC = "!<arch>\n"
_AR_HEADER_SIZE = 60

def _one_line_entries(text):
    """Addresses in the `deb [options] address suite component...` format."""
    found = []
    for line in text.split("\n"):
        words = line.split("#")[0].replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0] not in ("deb", "deb-src"):
            continue
        words = words[1:]
        if words and words[0].startswith("["):
            end = [i for i, word in enumerate(words) if word.endswith("]")]
            words = words[end[0] + 1:] if end else []
        if len(words) >= 3 and "main" in words[2:]:
            found.append(words[0])
    return found

def _deb822_entries(text):
    """Addresses in the `Types:`/`URIs:`/`Components:` format."""
    found = []
    for stanza in text.replace("\t", " ").split("\n\n"):
        fields = {}
        field = ""
        for line in stanza.split("\n"):
            if line.startswith("#"):
                continue
            if line.startswith(" "):
                fields[field] = fields.get(field, "") + line
            elif ":" in line:
                field, value = line.split(":", 1)
                field = field.lower()
                fields[field] = value
        if fields.get("enabled", "yes").strip().lower() in ("no", "false", "0"):
            continue
        if "main" in fields.get("components", "").split(" "):
            found.extend([uri for uri in fields.get("uris", "").split(" ") if uri])
    return found

def _apt_sources(rctx):
    apt = rctx.path("/etc/apt")
    files = [apt.get_child("sources.list")]
    folder = apt.get_child("sources.list.d")
    if folder.exists:
        files.extend(sorted(folder.readdir(), key = str))
    found = []
    for file in files:
        if not file.exists:
            continue
        if file.basename.endswith(".list"):
            found.extend(_one_line_entries(rctx.read(file)))
        elif file.basename.endswith(".sources"):
            found.extend(_deb822_entries(rctx.read(file)))
    return found

def debian_mirrors(rctx):
    """The base addresses to try, best first, without trailing slashes."""
    chosen = [uri for uri in rctx.os.environ.get(MIRRORS_VARIABLE, "").split(" ") if uri]
    if chosen:
        return [uri.rstrip("/") for uri in chosen]
    mirrors = []
    for uri in _apt_sources(rctx):
        uri = uri.rstrip("/")
        if uri.split(":")[0] in ("http", "https", "file") and uri not in mirrors:
            mirrors.append(uri)

    # Mirrors of the main archive end in /debian by convention. Security
    # updates and other vendors' archives have other pools: they come last.
    likely = [uri for uri in mirrors if uri.endswith("/debian")]
    return likely + [uri for uri in mirrors if uri not in likely]

def download_pinned(rctx, pin, output):
    """Fetches one pinned file.

    Args:
      rctx: the repository context.
      pin: "SHA256 PATH", as in the generated lock.
      output: where to put it, relative to the repository.
    """
    sha256, path = pin.split(" ")
    mirrors = debian_mirrors(rctx)

    # With no mirror at all the file may still be in --repository_cache or
    # --distdir, which Bazel consults only when it is given some address.
    urls = ["%s/%s" % (mirror, path) for mirror in mirrors] or ["file:///nonexistent/" + path]
    result = rctx.download(url = urls, output = output, sha256 = sha256, allow_fail = True)
    if result.success:
        return
    fail(("\n\nThe pinned Debian file %s could not be had from any of: %s.\n" +
          "If the network is fine, the archive has replaced it by a newer version; this renews the lock:\n" +
          "    ./bazelw run //third_party/debian:lock\n" +
          "Other mirrors may still have it: set %s to their addresses, separated by spaces.\n") %
         (path, " ".join(mirrors) or "(no mirror in /etc/apt)", MIRRORS_VARIABLE))

def _ar_members(archive, path):
    """Maps each member's name to its (offset, size)."""
    if not archive.startswith(_AR_MAGIC):
        fail(path + " is not a Debian package: it does not start like an ar archive")
    members = {}
    position = len(_AR_MAGIC)

    # A package has three members; Starlark has no unbounded loop.
    for _ in range(8):
        if position + _AR_HEADER_SIZE > len(archive):
            break
        header = archive[position:position + _AR_HEADER_SIZE]
        name = header[:16].strip().rstrip("/")
        size = int(header[48:58].strip())
        position += _AR_HEADER_SIZE
        members[name] = (position, size)
        position += size + size % 2
    return members

def unpack_package(rctx, pin, output):
    """Fetches a binary package and unpacks its files below `output`.

    Owners are lost; modes are kept as far as Bazel's extract keeps them.
    """
    path = pin.split(" ")[1]
    package = "package.deb"
    download_pinned(rctx, pin, package)

    # Bazel reads and, with legacy_utf8 off, writes bytes as they are.
    archive = rctx.read(package)
    members = _ar_members(archive, path)
    data = [name for name in members if name.startswith("data.tar")]
    if len(data) != 1:
        fail("%s holds %s, so not exactly one data.tar" % (path, ", ".join(members.keys())))
    offset, size = members[data[0]]
    rctx.file(data[0], archive[offset:offset + size], executable = False, legacy_utf8 = False)
    rctx.extract(data[0], output = output)
    rctx.delete(package)
    rctx.delete(data[0])
