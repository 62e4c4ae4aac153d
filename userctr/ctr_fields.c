// SPDX-License-Identifier: Apache-2.0
/* Config and HostConfig: their fields in the order inspect shows them, and what Go makes of an absent one. */
#include "userctr/ctr_conf_internal.h"

static const struct field health_fields[] = {
	{"Test", SHAPE_STRS, NULL, true, NULL},	       {"Interval", SHAPE_INT, NULL, true, NULL},
	{"Timeout", SHAPE_INT, NULL, true, NULL},      {"StartPeriod", SHAPE_INT, NULL, true, NULL},
	{"StartInterval", SHAPE_INT, NULL, true, NULL}, {"Retries", SHAPE_INT, NULL, true, NULL},
	{0},
};

const struct field config_fields[] = {
	{"Hostname", SHAPE_STR, "\"\"", false, NULL},
	{"Domainname", SHAPE_STR, "\"\"", false, NULL},
	{"User", SHAPE_STR, "\"\"", false, NULL},
	{"AttachStdin", SHAPE_BOOL, "false", false, NULL},
	{"AttachStdout", SHAPE_BOOL, "false", false, NULL},
	{"AttachStderr", SHAPE_BOOL, "false", false, NULL},
	{"ExposedPorts", SHAPE_SET, NULL, true, NULL},
	{"Tty", SHAPE_BOOL, "false", false, NULL},
	{"OpenStdin", SHAPE_BOOL, "false", false, NULL},
	{"StdinOnce", SHAPE_BOOL, "false", false, NULL},
	{"Env", SHAPE_STRS, "null", false, NULL},
	{"Cmd", SHAPE_WORDS, "null", false, NULL},
	{"Healthcheck", SHAPE_OBJ, NULL, false, health_fields},
	{"ArgsEscaped", SHAPE_BOOL, NULL, true, NULL},
	{"Image", SHAPE_STR, "\"\"", false, NULL},
	{"Volumes", SHAPE_SET, "null", false, NULL},
	{"WorkingDir", SHAPE_STR, "\"\"", false, NULL},
	{"Entrypoint", SHAPE_WORDS, "null", false, NULL},
	{"NetworkDisabled", SHAPE_BOOL, NULL, true, NULL},
	{"MacAddress", SHAPE_STR, NULL, true, NULL},
	{"OnBuild", SHAPE_STRS, "null", false, NULL},
	{"Labels", SHAPE_STR_MAP, "{}", false, NULL},
	{"StopSignal", SHAPE_STR, NULL, true, NULL},
	{"StopTimeout", SHAPE_INT, NULL, false, NULL},
	{"Shell", SHAPE_WORDS, NULL, true, NULL},
	{0},
};

static const struct field log_fields[] = {
	{"Type", SHAPE_STR, "\"\"", false, NULL},
	{"Config", SHAPE_STR_MAP, "{}", false, NULL},
	{0},
};
static const struct field port_fields[] = {
	{"HostIp", SHAPE_STR, "\"\"", false, NULL},
	{"HostPort", SHAPE_STR, "\"\"", false, NULL},
	{0},
};
static const struct field restart_fields[] = {
	{"Name", SHAPE_STR, "\"\"", false, NULL},
	{"MaximumRetryCount", SHAPE_INT, "0", false, NULL},
	{0},
};
static const struct field weight_fields[] = {
	{"Path", SHAPE_STR, "\"\"", false, NULL},
	{"Weight", SHAPE_INT, "0", false, NULL},
	{0},
};
static const struct field rate_fields[] = {
	{"Path", SHAPE_STR, "\"\"", false, NULL},
	{"Rate", SHAPE_INT, "0", false, NULL},
	{0},
};
static const struct field device_fields[] = {
	{"PathOnHost", SHAPE_STR, "\"\"", false, NULL},
	{"PathInContainer", SHAPE_STR, "\"\"", false, NULL},
	{"CgroupPermissions", SHAPE_STR, "\"\"", false, NULL},
	{0},
};
static const struct field request_fields[] = {
	{"Driver", SHAPE_STR, "\"\"", false, NULL},
	{"Count", SHAPE_INT, "0", false, NULL},
	{"DeviceIDs", SHAPE_STRS, "null", false, NULL},
	{"Capabilities", SHAPE_WORD_LISTS, "null", false, NULL},
	{"Options", SHAPE_STR_MAP, "null", false, NULL},
	{0},
};
static const struct field ulimit_fields[] = {
	{"Name", SHAPE_STR, "\"\"", false, NULL},
	{"Hard", SHAPE_INT, "0", false, NULL},
	{"Soft", SHAPE_INT, "0", false, NULL},
	{0},
};
static const struct field bind_fields[] = {
	{"Propagation", SHAPE_STR, NULL, true, NULL},
	{"NonRecursive", SHAPE_BOOL, NULL, true, NULL},
	{"CreateMountpoint", SHAPE_BOOL, NULL, true, NULL},
	{"ReadOnlyNonRecursive", SHAPE_BOOL, NULL, true, NULL},
	{"ReadOnlyForceRecursive", SHAPE_BOOL, NULL, true, NULL},
	{0},
};
static const struct field driver_fields[] = {
	{"Name", SHAPE_STR, NULL, true, NULL},
	{"Options", SHAPE_STR_MAP, NULL, true, NULL},
	{0},
};
static const struct field volume_fields[] = {
	{"NoCopy", SHAPE_BOOL, NULL, true, NULL},
	{"Labels", SHAPE_STR_MAP, NULL, true, NULL},
	{"Subpath", SHAPE_STR, NULL, true, NULL},
	{"DriverConfig", SHAPE_OBJ, NULL, false, driver_fields},
	{0},
};
static const struct field tmpfs_fields[] = {
	{"SizeBytes", SHAPE_INT, NULL, true, NULL},
	{"Mode", SHAPE_INT, NULL, true, NULL},
	{"Options", SHAPE_WORD_LISTS, NULL, true, NULL},
	{0},
};
static const struct field image_fields[] = {
	{"Subpath", SHAPE_STR, NULL, true, NULL},
	{0},
};
static const struct field mount_fields[] = {
	{"Type", SHAPE_STR, NULL, true, NULL},
	{"Source", SHAPE_STR, NULL, true, NULL},
	{"Target", SHAPE_STR, NULL, true, NULL},
	{"ReadOnly", SHAPE_BOOL, NULL, true, NULL},
	{"Consistency", SHAPE_STR, NULL, true, NULL},
	{"BindOptions", SHAPE_OBJ, NULL, false, bind_fields},
	{"VolumeOptions", SHAPE_OBJ, NULL, false, volume_fields},
	{"ImageOptions", SHAPE_OBJ, NULL, false, image_fields},
	{"TmpfsOptions", SHAPE_OBJ, NULL, false, tmpfs_fields},
	{0},
};

const struct field host_fields[] = {
	{"Binds", SHAPE_STRS, "null", false, NULL},
	{"ContainerIDFile", SHAPE_STR, "\"\"", false, NULL},
	{"LogConfig", SHAPE_OBJ, "{\"Type\":\"\",\"Config\":{}}", false, log_fields},
	{"NetworkMode", SHAPE_STR, "\"\"", false, NULL},
	{"PortBindings", SHAPE_LIST_MAP, "{}", false, port_fields},
	{"RestartPolicy", SHAPE_OBJ, "{\"Name\":\"\",\"MaximumRetryCount\":0}", false, restart_fields},
	{"AutoRemove", SHAPE_BOOL, "false", false, NULL},
	{"VolumeDriver", SHAPE_STR, "\"\"", false, NULL},
	{"VolumesFrom", SHAPE_STRS, "null", false, NULL},
	{"ConsoleSize", SHAPE_SIZE, "[0,0]", false, NULL},
	{"Annotations", SHAPE_STR_MAP, NULL, true, NULL},
	{"CapAdd", SHAPE_WORDS, "null", false, NULL},
	{"CapDrop", SHAPE_WORDS, "null", false, NULL},
	{"CgroupnsMode", SHAPE_STR, "\"\"", false, NULL},
	{"Dns", SHAPE_STRS, "null", false, NULL},
	{"DnsOptions", SHAPE_STRS, "null", false, NULL},
	{"DnsSearch", SHAPE_STRS, "null", false, NULL},
	{"ExtraHosts", SHAPE_STRS, "null", false, NULL},
	{"GroupAdd", SHAPE_STRS, "null", false, NULL},
	{"IpcMode", SHAPE_STR, "\"\"", false, NULL},
	{"Cgroup", SHAPE_STR, "\"\"", false, NULL},
	{"Links", SHAPE_STRS, "null", false, NULL},
	{"OomScoreAdj", SHAPE_INT, "0", false, NULL},
	{"PidMode", SHAPE_STR, "\"\"", false, NULL},
	{"Privileged", SHAPE_BOOL, "false", false, NULL},
	{"PublishAllPorts", SHAPE_BOOL, "false", false, NULL},
	{"ReadonlyRootfs", SHAPE_BOOL, "false", false, NULL},
	{"SecurityOpt", SHAPE_STRS, "null", false, NULL},
	{"StorageOpt", SHAPE_STR_MAP, NULL, true, NULL},
	{"Tmpfs", SHAPE_STR_MAP, NULL, true, NULL},
	{"UTSMode", SHAPE_STR, "\"\"", false, NULL},
	{"UsernsMode", SHAPE_STR, "\"\"", false, NULL},
	{"ShmSize", SHAPE_INT, "0", false, NULL},
	{"Sysctls", SHAPE_STR_MAP, NULL, true, NULL},
	{"Runtime", SHAPE_STR, "\"\"", false, NULL},
	{"Isolation", SHAPE_STR, "\"\"", false, NULL},
	{"CpuShares", SHAPE_INT, "0", false, NULL},
	{"Memory", SHAPE_INT, "0", false, NULL},
	{"NanoCpus", SHAPE_INT, "0", false, NULL},
	{"CgroupParent", SHAPE_STR, "\"\"", false, NULL},
	{"BlkioWeight", SHAPE_INT, "0", false, NULL},
	{"BlkioWeightDevice", SHAPE_LIST, "null", false, weight_fields},
	{"BlkioDeviceReadBps", SHAPE_LIST, "null", false, rate_fields},
	{"BlkioDeviceWriteBps", SHAPE_LIST, "null", false, rate_fields},
	{"BlkioDeviceReadIOps", SHAPE_LIST, "null", false, rate_fields},
	{"BlkioDeviceWriteIOps", SHAPE_LIST, "null", false, rate_fields},
	{"CpuPeriod", SHAPE_INT, "0", false, NULL},
	{"CpuQuota", SHAPE_INT, "0", false, NULL},
	{"CpuRealtimePeriod", SHAPE_INT, "0", false, NULL},
	{"CpuRealtimeRuntime", SHAPE_INT, "0", false, NULL},
	{"CpusetCpus", SHAPE_STR, "\"\"", false, NULL},
	{"CpusetMems", SHAPE_STR, "\"\"", false, NULL},
	{"Devices", SHAPE_LIST, "null", false, device_fields},
	{"DeviceCgroupRules", SHAPE_STRS, "null", false, NULL},
	{"DeviceRequests", SHAPE_LIST, "null", false, request_fields},
	{"KernelMemory", SHAPE_INT, NULL, true, NULL},
	{"KernelMemoryTCP", SHAPE_INT, NULL, true, NULL},
	{"MemoryReservation", SHAPE_INT, "0", false, NULL},
	{"MemorySwap", SHAPE_INT, "0", false, NULL},
	{"MemorySwappiness", SHAPE_INT, "null", false, NULL},
	{"OomKillDisable", SHAPE_BOOL, "null", false, NULL},
	{"PidsLimit", SHAPE_INT, "null", false, NULL},
	{"Ulimits", SHAPE_LIST, "null", false, ulimit_fields},
	{"CpuCount", SHAPE_INT, "0", false, NULL},
	{"CpuPercent", SHAPE_INT, "0", false, NULL},
	{"IOMaximumIOps", SHAPE_INT, "0", false, NULL},
	{"IOMaximumBandwidth", SHAPE_INT, "0", false, NULL},
	{"Mounts", SHAPE_LIST, NULL, true, mount_fields},
	{"MaskedPaths", SHAPE_STRS, "null", false, NULL},
	{"ReadonlyPaths", SHAPE_STRS, "null", false, NULL},
	{"Init", SHAPE_BOOL, NULL, false, NULL},
	{0},
};
