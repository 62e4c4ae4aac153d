#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Make $O/slipway.iso from $O/vmlinuz and $O/initrd.img: bootable by BIOS (isolinux) and UEFI (a GRUB
# that reads the same kernel and initramfs from the ISO filesystem), from CD or written to a disk.
# The same input gives the same bytes.
set -euo pipefail
export LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
here=$(cd "$(dirname "$0")" && pwd)
out=${O:-build}
isolinux=/usr/lib/ISOLINUX
syslinux=/usr/lib/syslinux/modules/bios
grub=/usr/lib/grub/x86_64-efi
volume=SLIPWAY

die() { echo "mkiso.sh: $*" >&2; exit 1; }
for f in "$out/vmlinuz" "$out/initrd.img"; do
	[ -s "$f" ] || die "'$f' is missing: build it first"
done

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root
mkdir -p "$root/boot/isolinux" "$tmp/efi/EFI/BOOT"

# Calls what it is given for each line of the table: name, hotkey, title, arguments.
each_entry() {
	local name key title arguments
	while IFS= read -r line; do
		[[ $line == \#* ]] && continue
		read -r name key title <<<"${line%%|*}"
		read -r arguments <<<"${line#*|}"
		"$1" "$name" "$key" "$title" "$arguments"
	done <"$here/entries"
}

# GRUB finds the medium that it was started from by a file that no other version has.
id=$(cat "$out/vmlinuz" "$out/initrd.img" "$here/entries" | sha256sum | cut -c1-16)

isolinux_entry() { printf 'label %s\n\tkernel /boot/vmlinuz\n\tinitrd /boot/initrd.img\n\tappend %s\n' "$1" "$4"; }
grub_entry() {
	printf "menuentry '%s' --hotkey=%s --id %s {\n" "$3" "$2" "$1"
	printf '\tlinux /boot/vmlinuz %s\n\tinitrd /boot/initrd.img\n}\n' "$4"
}
list_entry() { printf 'say %-10s %s\n' "$1" "$3"; }

bios() {
	cp "$isolinux/isolinux.bin" "$syslinux/ldlinux.c32" "$root/boot/isolinux/"
	{
		cat "$here/isolinux.cfg"
		each_entry list_entry
		each_entry isolinux_entry
	} >"$root/boot/isolinux/isolinux.cfg"
}

uefi() {
	local modules=(normal linux iso9660 part_gpt part_msdos fat search search_fs_file
		echo test halt reboot efi_gop video)
	mkdir -p "$root/boot/grub"
	{
		cat "$here/grub.cfg"
		each_entry grub_entry
	} >"$root/boot/grub/grub.cfg"
	# All that the image itself knows; this is read by a parser that has no comments.
	printf '%s\n' "search --no-floppy --file --set=root /boot/$id.id" \
		'set prefix=($root)/boot/grub' >"$tmp/embedded.cfg"
	grub-mkimage -O x86_64-efi -d "$grub" -p /boot/grub -c "$tmp/embedded.cfg" \
		-o "$tmp/efi/EFI/BOOT/BOOTX64.EFI" "${modules[@]}"
	find "$tmp/efi" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

	# 32 kB for FAT's own structures
	local kb=$(( $(stat -c %s "$tmp/efi/EFI/BOOT/BOOTX64.EFI") / 1024 + 33 ))
	mkfs.fat --invariant -i 534c5057 -n "${volume}_EFI" -C "$tmp/efi.img" "$kb" >/dev/null
	mcopy -i "$tmp/efi.img" -s -m "$tmp/efi/EFI" ::
	cp "$tmp/efi.img" "$root/boot/efi.img"
}

bios
uefi
cp "$out/vmlinuz" "$out/initrd.img" "$root/boot/"
echo "$id" >"$root/boot/$id.id"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
find "$root" -type d -exec chmod 755 {} + -o -type f -exec chmod 644 {} +

# The GPT's identity follows from the content: two different ISOs never claim to be one disk.
stamp=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S00)
xorriso -as mkisofs -quiet -o "$tmp/iso" \
	-V "$volume" -A Slipway -publisher Slipway -J -R -no-pad \
	-uid 0 -gid 0 --modification-date="$stamp" --set_all_file_dates "$stamp" \
	--gpt_disk_guid "${id}$(echo "$id" | sha256sum | cut -c1-16)" \
	-b boot/isolinux/isolinux.bin -c boot/isolinux/boot.cat \
	-no-emul-boot -boot-load-size 4 -boot-info-table \
	-isohybrid-mbr "$isolinux/isohdpfx.bin" -partition_cyl_align off \
	-eltorito-alt-boot -e boot/efi.img -no-emul-boot -isohybrid-gpt-basdat \
	"$root" >"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; die "xorriso failed"; }
mkdir -p "$out"
mv "$tmp/iso" "$out/slipway.iso.new"
mv "$out/slipway.iso.new" "$out/slipway.iso"
