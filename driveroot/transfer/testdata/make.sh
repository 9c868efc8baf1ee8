#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Makes the archives of this folder: GNU tar 1.34, bsdtar 3.6.2, Python 3.11,
# on a file system with access lists and extended attributes, by root.
set -eu
umask 022
work=$(mktemp -d)
out=$PWD
cd "$work"
mkdir -p t/dir
echo contents > t/dir/file
ln t/dir/file t/link
ln -s dir/file t/symlink
truncate -s 300000 t/sparse
printf x >> t/sparse
truncate -s 1000000 t/sparse
setfattr -n user.note -v a=b t/dir/file
setfacl -m u:12345:r,g:54321:rw t/dir/file
setfacl -d -m u:12345:rwx t/dir
find t -exec touch -hd '2001-02-03 04:05:06.789 UTC' {} +
gnu() { tar -S --sort=name --owner=0 --group=0 --numeric-owner -C t "$@"; }
gnu --format=gnu -cf - . | xz > "$out/gnu.tar.xz"
for version in 0.0 0.1 1.0; do
    gnu --format=pax --sparse-version=$version --xattrs --acls \
        -czf "$out/pax-$version.tar.gz" .
done
bsdtar -C t --zstd -cf "$out/bsdtar.tar.zst" .
bsdtar -C t --lzma -cf "$out/bsdtar.tar.lzma" .
bsdtar -C t --lzip -cf "$out/bsdtar.tar.lz" .
python3 -c 'import tarfile
with tarfile.open("python.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
    tar.add("t", arcname=".")'
mv python.tar.gz "$out"
# One layer upon another, as images have them.
mkdir -p below/gone below/opaque/old above/opaque
echo 1 > below/kept; echo 1 > below/gone/file; echo 1 > below/opaque/old/file
echo 2 > above/added; touch above/.wh.gone above/opaque/.wh..wh..opq
echo 2 > above/opaque/new
gnu() { tar --sort=name --owner=0 --group=0 --numeric-owner "$@"; }
mkdir -p image/blobs/sha256 docker/one docker/two
gnu -C below -cf docker/one/layer.tar .
gnu -C above -cf docker/two/layer.tar .
gnu -C above -cf layer.tar .
gzip -9n < layer.tar > "$out/layer.tar.gz"
echo '{"rootfs":{"type":"layers","diff_ids":[]}}' > docker/config.json
echo '[{"Config":"config.json","RepoTags":["x:1"],"Layers":["one/layer.tar","two/layer.tar"]}]' > docker/manifest.json
gnu -C docker -cf - . | gzip -9n > "$out/docker-save.tar.gz"
cd image
blob() { # FILE -> {"mediaType":…}
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    cp "$1" "blobs/sha256/$digest"
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$2" "$digest" "$size"
}
gzip -9n < ../docker/one/layer.tar > ../one.gz
zstd -q < ../docker/two/layer.tar > ../two.zst
one=$(blob ../one.gz application/vnd.oci.image.layer.v1.tar+gzip)
two=$(blob ../two.zst application/vnd.oci.image.layer.v1.tar+zstd)
config=$(blob ../docker/config.json application/vnd.oci.image.config.v1+json)
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s,%s]}' "$config" "$one" "$two" > ../manifest
manifest=$(blob ../manifest application/vnd.oci.image.manifest.v1+json)
printf '{"schemaVersion":2,"manifests":[%s]}' "$manifest" > index.json
printf '{"imageLayoutVersion":"1.0.0"}' > oci-layout
cd ..
gnu -C image -cf - . | xz > "$out/oci-layout.tar.xz"
cd "$out"
rm -r "$work"
