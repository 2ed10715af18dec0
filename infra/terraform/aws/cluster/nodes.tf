resource "aws_iam_role" "node" {
  name               = "${var.name}-node"
  assume_role_policy = templatefile("${path.module}/trust/service.json", { service = "ec2.amazonaws.com" })
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly"])

  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}

resource "aws_launch_template" "node" {
  for_each = { cpu = 50, gpu = 100 } # GB; the image with CUDA is large

  name_prefix            = "${var.name}-${each.key}-"
  update_default_version = true

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1 # pods do not reach the node's own credentials
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = each.value
      encrypted             = true
      delete_on_termination = true
    }
  }
}

resource "aws_eks_node_group" "cpu" {
  cluster_name           = aws_eks_cluster.this.name
  node_group_name_prefix = "cpu-"
  node_role_arn          = aws_iam_role.node.arn
  subnet_ids             = aws_subnet.private[*].id
  ami_type               = "AL2023_x86_64_STANDARD"
  capacity_type          = "ON_DEMAND"
  instance_types         = [var.cpu_instance_type]
  labels                 = { "charrec/node" = "cpu" }

  launch_template {
    id      = aws_launch_template.node["cpu"].id
    version = aws_launch_template.node["cpu"].latest_version
  }

  scaling_config {
    min_size     = var.cpu_nodes.min
    max_size     = var.cpu_nodes.max
    desired_size = var.cpu_nodes.min
  }

  depends_on = [aws_iam_role_policy_attachment.node]

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [scaling_config[0].desired_size] # the autoscaler's
  }
}

resource "aws_eks_node_group" "gpu" {
  cluster_name           = aws_eks_cluster.this.name
  node_group_name_prefix = "gpu-"
  node_role_arn          = aws_iam_role.node.arn
  subnet_ids             = aws_subnet.private[*].id # spot capacity of both zones
  ami_type               = "AL2023_x86_64_NVIDIA"
  capacity_type          = var.gpu_capacity
  instance_types         = var.gpu_instance_types

  labels = {
    "charrec/node"           = "gpu-spot" # as infra/kubernetes selects them, whatever the capacity
    "nvidia.com/gpu.present" = "true"     # as NVIDIA's device plugin does
    # Or cluster-autoscaler begins more nodes while a new one does not count its GPU yet.
    "k8s.amazonaws.com/accelerator" = "nvidia"
  }

  launch_template {
    id      = aws_launch_template.node["gpu"].id
    version = aws_launch_template.node["gpu"].latest_version
  }

  taint {
    key    = "nvidia.com/gpu"
    value  = "true"
    effect = "NO_SCHEDULE"
  }

  scaling_config {
    min_size     = 0
    max_size     = var.gpu_nodes
    desired_size = 0
  }

  depends_on = [aws_iam_role_policy_attachment.node]

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [scaling_config[0].desired_size]
  }
}
